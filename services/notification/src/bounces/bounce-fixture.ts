type Said = {
  eventId: string;
  kind: string;
  recipient: string;
  status: string;
  action?: string;
  /** Media type of what is returned of the mail. */
  returned?: string;
};

/** A delivery status notification (RFC 3464) as Postfix writes it. */
export function notification(said: Said): string {
  const { eventId, kind, recipient, status, action = "failed", returned = "text/rfc822-headers" } = said;
  return `From: MAILER-DAEMON@mail.example.org (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: no-reply@sotto.example
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="B1/mail.example.org"

--B1/mail.example.org
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--B1/mail.example.org
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mail.example.org
X-Postfix-Queue-ID: 4F2A01234
Arrival-Date: Thu,  1 Jan 2026 00:00:00 +0000 (UTC)

Final-Recipient: rfc822; ${recipient}
Action: ${action}
Status: ${status}
Remote-MTA: dns; mx.example.org
Diagnostic-Code: smtp; 550 ${status} <${recipient}>: Recipient address
    rejected: User unknown

--B1/mail.example.org
Content-Description: Undelivered Message
Content-Type: ${returned}

Message-ID: <${eventId}.${kind}@sotto.example>
From: Sotto <no-reply@sotto.example>
To: ${recipient}
Subject: Welcome

--B1/mail.example.org--
`.replaceAll("\n", "\r\n");
}
