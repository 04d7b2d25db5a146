import type { ChatDatabase } from "@sotto/platform/db-types/chat";
import type { Transaction } from "kysely";
import type { ChatContext } from "../context.ts";
import { type ClearContext, clearAccount } from "./clear-account.ts";
import { deleteForgotten, hasDeleted, listUncleared } from "./deletion-queries.ts";
import {
  advanceCourse,
  beginCourse,
  type Course,
  deleteMessagesInPages,
  endCourse,
  lockDueAccounts,
} from "./message-course-queries.ts";

const MINUTE_MS = 60_000;
/** The event handler is given this long before somebody else takes over. */
const TAKE_OVER_AFTER_MS = MINUTE_MS;
/** Access tokens live ten minutes; clocks differ. */
const FORGET_AFTER_MS = 24 * 60 * MINUTE_MS;
const ACCOUNTS_PER_COURSE = 1000;

export type CourseSteps = {
  /** Pages of 8 KiB that one step reads. */
  readonly pages: number;
  /** Pause before a course is repeated for messages that still waited. */
  readonly pauseSeconds: number;
};

/** 32 MiB: with a step every two seconds a course over a hundred gigabytes takes two hours. */
const USUAL_STEPS: CourseSteps = { pages: 4096, pauseSeconds: 10 };

/**
 * One round of finishing what deletions have left: takes up those that were cut short, and goes one step on in the
 * course over all messages in which those of deleted accounts are found.
 *
 * `chat.message` has no index by sender: it would cost every message something, and be of use when an account is deleted
 * only. A course serves all accounts that were deleted when it began.
 */
export async function finishDeletions(
  context: ClearContext & Pick<ChatContext, "clock">,
  steps = USUAL_STEPS,
): Promise<void> {
  const { db, clock } = context;
  if (!(await hasDeleted(db))) return;
  const nowMs = clock.now().getTime();
  for (const accountId of await listUncleared(db, new Date(nowMs - TAKE_OVER_AFTER_MS), 10))
    await clearAccount(context, accountId);
  await db.transaction().execute(async (tx) => {
    const course = await findCourse(tx);
    if (course) await goOn(tx, course, steps);
  });
  await deleteForgotten(db, new Date(nowMs - FORGET_AFTER_MS));
}

async function findCourse(tx: Transaction<ChatDatabase>): Promise<Course | undefined> {
  const due = await lockDueAccounts(tx, ACCOUNTS_PER_COURSE);
  const [first] = due.filter(({ nextPage }) => nextPage !== null);
  if (first) {
    const { nextPage, endPage } = first;
    const together = due.filter((each) => each.nextPage === nextPage && each.endPage === endPage);
    return {
      accountIds: together.map(({ accountId }) => accountId),
      nextPage: Number(nextPage),
      endPage: Number(endPage),
    };
  }
  if (due.length === 0) return undefined;
  return beginCourse(
    tx,
    due.map(({ accountId }) => accountId),
  );
}

async function goOn(
  tx: Transaction<ChatDatabase>,
  course: Course,
  { pages, pauseSeconds }: CourseSteps,
): Promise<void> {
  const to = Math.min(course.nextPage + pages, course.endPage);
  const withWaiting = await deleteMessagesInPages(tx, course.accountIds, { from: course.nextPage, to });
  await advanceCourse(tx, course, to, withWaiting);
  if (to >= course.endPage) await endCourse(tx, course, pauseSeconds);
}
