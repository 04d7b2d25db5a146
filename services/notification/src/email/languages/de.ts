import type { Catalogue } from "./catalogue.ts";

const CHANGE_PASSWORD =
  "ändern Sie sofort Ihr Passwort, was alle anderen Sitzungen beendet, und sehen Sie sich die Liste Ihrer Sitzungen an";
const RESET_PASSWORD =
  "wählen Sie sofort über „Passwort vergessen“ ein neues Passwort, was alle Sitzungen beendet";
const ASK_OPERATOR = "fragen Sie die Betreiber dieses Servers";
const ifNotYou = (what: string): string => `Wenn Sie das nicht waren, ${what}.`;
const SEE_INSIDE = "Wann es geschah, und was zu tun ist, wenn Sie es nicht waren.";

/** German. */
export const de: Catalogue<"one" | "other"> = {
  locale: "de-DE",
  greeting: { named: (name) => `Guten Tag ${name},`, nameless: "Guten Tag," },
  footer: (host) => `Diese E-Mail kommt von Sotto auf ${host}, wegen eines Kontos dort.`,
  facts: { when: "Wann", client: "Von" },
  welcome: {
    subject: "Willkommen bei Sotto",
    preview: "Ihr Konto ist bereit.",
    paragraphs: [
      "Ihr Konto ist bereit.",
      "Ihre Nachrichten werden auf Ihrem Gerät verschlüsselt. Lesen können sie nur die Geräte der Menschen, denen Sie schreiben.",
      "Deshalb kann auch niemand Ihre Nachrichten für Sie wiederherstellen: Lassen Sie mindestens ein Gerät angemeldet, oder legen Sie eine Sicherung an.",
    ],
    ignore: "Wenn Sie sich nicht registriert haben, brauchen Sie nichts zu tun.",
  },
  verify: {
    action: "Adresse bestätigen",
    until: (time) => `Der Link gilt einmal, bis ${time}.`,
    register: {
      subject: "Bestätigen Sie Ihre E-Mail-Adresse",
      preview: "Damit Sie wieder in Ihr Konto kommen, wenn Sie Ihr Passwort vergessen.",
      why: "Diese Adresse wurde für Ihr Konto angegeben. Bestätigen Sie, dass sie Ihnen gehört, damit Sie wieder in Ihr Konto kommen, wenn Sie Ihr Passwort vergessen.",
      ignore: "Wenn Sie sich nicht registriert haben, brauchen Sie nichts zu tun.",
    },
    change: {
      subject: "Bestätigen Sie Ihre neue E-Mail-Adresse",
      preview: "Sie gilt, sobald Sie sie bestätigen.",
      why: "Diese Adresse wurde als die neue Ihres Kontos angegeben. Sie gilt, sobald Sie sie bestätigen.",
      ignore: "Wenn Sie das nicht veranlasst haben, brauchen Sie nichts zu tun: Es ändert sich nichts.",
    },
  },
  reset: {
    subject: "Wählen Sie ein neues Passwort",
    preview: "Der Link gilt einmal. Geben Sie ihn niemandem.",
    why: "Jemand möchte das Passwort Ihres Kontos zurücksetzen.",
    action: "Neues Passwort wählen",
    until: (time) => `Der Link gilt einmal, bis ${time}. Ein neues Passwort beendet alle Ihre Sitzungen.`,
    ignore:
      "Wenn Sie das nicht waren, brauchen Sie nichts zu tun: Ohne den Link ändert sich nichts. Geben Sie den Link niemandem.",
  },
  device: {
    subject: "Ein neues Gerät wurde Ihrem Konto hinzugefügt",
    preview: SEE_INSIDE,
    what: "Ein neues Gerät wurde Ihrem Konto hinzugefügt. Es kann die Nachrichten lesen, die Ihnen von jetzt an geschickt werden.",
    otherwise: ifNotYou(`entfernen Sie es aus der Liste Ihrer Geräte, und ${CHANGE_PASSWORD}`),
  },
  digest: {
    subject: {
      one: (count) => `${count} Nachricht wartet auf Sie`,
      other: (count) => `${count} Nachrichten warten auf Sie`,
    },
    preview: "Öffnen Sie Sotto, um zu lesen.",
    waiting: {
      one: (count) => `${count} Nachricht wartet auf Sie.`,
      other: (count) => `${count} Nachrichten warten auf Sie.`,
    },
    encrypted:
      "Dieser Server kann Ihre Nachrichten nicht lesen. Deshalb kann diese E-Mail nicht mehr darüber sagen.",
    action: "Sotto öffnen",
    unsubscribe: "Diese E-Mails abbestellen",
  },
  notices: {
    "password-changed": {
      subject: "Ihr Passwort wurde geändert",
      preview: SEE_INSIDE,
      what: "Das Passwort Ihres Kontos wurde geändert. Alle anderen Sitzungen sind beendet.",
      otherwise: ifNotYou(RESET_PASSWORD),
    },
    "password-reset": {
      subject: "Ihr Passwort wurde zurückgesetzt",
      preview: SEE_INSIDE,
      what: "Das Passwort Ihres Kontos wurde über den Link in einer E-Mail zurückgesetzt. Alle Sitzungen sind beendet.",
      otherwise: ifNotYou(`${RESET_PASSWORD}, und prüfen Sie, wer Ihre E-Mails lesen kann`),
    },
    "email-change-requested": {
      subject: "Ihre E-Mail-Adresse soll geändert werden",
      preview: SEE_INSIDE,
      what: "Für Ihr Konto wurde eine andere Adresse angegeben. Sie gilt, sobald jemand den Link öffnet, der dorthin geschickt wurde.",
      otherwise: ifNotYou(`${CHANGE_PASSWORD}: Das bricht die Änderung ab`),
    },
    "email-changed": {
      subject: "Ihre E-Mail-Adresse wurde geändert",
      preview: SEE_INSIDE,
      what: "Die E-Mail-Adresse Ihres Kontos wurde geändert. E-Mails gehen von jetzt an an die neue.",
      otherwise: ifNotYou(
        `${CHANGE_PASSWORD}, und tragen Sie Ihre Adresse wieder ein; wenn Sie sich nicht anmelden können, ${ASK_OPERATOR}`,
      ),
    },
    "second-factor-enabled": {
      subject: "Eine Authenticator-App wurde hinzugefügt",
      preview: SEE_INSIDE,
      what: "Die Anmeldung mit Ihrem Passwort verlangt jetzt einen Code aus einer Authenticator-App.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "second-factor-disabled": {
      subject: "Ihre Authenticator-App wurde entfernt",
      preview: SEE_INSIDE,
      what: "Die Anmeldung bei Ihrem Konto verlangt keinen Code aus einer Authenticator-App mehr.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "second-factor-reset": {
      subject: "Ihre zweiten Faktoren wurden entfernt",
      preview: SEE_INSIDE,
      what: "Die Betreiber dieses Servers haben die zweiten Faktoren Ihres Kontos entfernt.",
      otherwise: `Wenn Sie nicht darum gebeten haben, ${CHANGE_PASSWORD}, und ${ASK_OPERATOR}.`,
    },
    "recovery-code-used": {
      subject: "Ein Wiederherstellungscode wurde benutzt",
      preview: SEE_INSIDE,
      what: "Jemand hat einen Ihrer Wiederherstellungscodes benutzt. Er gilt kein zweites Mal.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "recovery-codes-renewed": {
      subject: "Ihre Wiederherstellungscodes wurden erneuert",
      preview: SEE_INSIDE,
      what: "Ihr Konto hat neue Wiederherstellungscodes. Die alten gelten nicht mehr.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "passkey-added": {
      subject: "Ein Passkey wurde hinzugefügt",
      preview: SEE_INSIDE,
      what: "Mit einem neuen Passkey kann man sich bei Ihrem Konto anmelden.",
      otherwise: ifNotYou(`entfernen Sie den Passkey, dann ${CHANGE_PASSWORD}`),
    },
    "passkey-removed": {
      subject: "Ein Passkey wurde entfernt",
      preview: SEE_INSIDE,
      what: "Ein Passkey Ihres Kontos wurde entfernt. Mit ihm kann man sich nicht mehr anmelden.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "new-session": {
      subject: "Eine neue Anmeldung bei Ihrem Konto",
      preview: SEE_INSIDE,
      what: "Jemand hat sich bei Ihrem Konto angemeldet.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "refresh-token-reused": {
      subject: "Eine Sitzung wurde zu Ihrer Sicherheit beendet",
      preview: SEE_INSIDE,
      what: "Ein Schlüssel einer Ihrer Sitzungen wurde zweimal benutzt, wie es vorkommt, wenn er kopiert wurde. Die Sitzung ist beendet.",
      otherwise: `Zur Sicherheit: Ändern Sie Ihr Passwort, was alle anderen Sitzungen beendet, und sehen Sie sich die Liste Ihrer Sitzungen an.`,
    },
    "account-deactivated": {
      subject: "Ihr Konto wurde deaktiviert",
      preview: "Die nächste Anmeldung bringt es zurück.",
      what: "Ihr Konto ist verborgen, und alle seine Sitzungen sind beendet. Die nächste Anmeldung bringt es zurück.",
      otherwise: ifNotYou(`melden Sie sich an, und ${CHANGE_PASSWORD}`),
    },
    "account-deletion-scheduled": {
      subject: "Ihr Konto wird gelöscht",
      preview: "Bis dahin behalten Sie es, wenn Sie sich anmelden.",
      what: "Die Löschung Ihres Kontos wurde verlangt. Bis es gelöscht ist, behalten Sie es, wenn Sie sich anmelden.",
      otherwise: ifNotYou(`melden Sie sich an, womit Sie das Konto behalten, und ${CHANGE_PASSWORD}`),
    },
    "account-deletion-cancelled": {
      subject: "Ihr Konto wird nicht gelöscht",
      preview: SEE_INSIDE,
      what: "Jemand hat sich bei Ihrem Konto angemeldet. Deshalb bleibt es bestehen.",
      otherwise: ifNotYou(CHANGE_PASSWORD),
    },
    "account-suspended": {
      subject: "Ihr Konto wurde gesperrt",
      preview: "Sie können sich nicht anmelden.",
      what: "Die Betreiber dieses Servers haben Ihr Konto gesperrt. Sie können sich nicht anmelden.",
      otherwise: `Wenn Sie das für einen Irrtum halten, ${ASK_OPERATOR}.`,
    },
    "account-restored": {
      subject: "Ihr Konto wurde wiederhergestellt",
      preview: "Sie können sich wieder anmelden.",
      what: "Die Betreiber dieses Servers haben Ihr Konto wiederhergestellt. Sie können sich wieder anmelden.",
      otherwise: `Wenn Sie Fragen haben, ${ASK_OPERATOR}.`,
    },
  },
};
