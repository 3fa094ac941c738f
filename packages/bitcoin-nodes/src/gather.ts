// Asks several nodes at once, and waits for no more of them than are needed.
import type { Member } from "./member.ts";
import type { NodeClient } from "./node-client.ts";

export type Answer<T> = { readonly member: Member; readonly value: T };

export type GatherOptions<T> = {
  readonly question: (client: NodeClient, member: Member) => Promise<T>;
  /** Once this holds the others have only the grace left; without a grace they are not waited for at all. */
  readonly isEnough: (answers: readonly Answer<T>[]) => boolean;
  readonly graceMs?: number;
};

/** Those that answered, in the order of their answers. What came too late is noted by its member and left out. */
export function gather<T>(members: readonly Member[], options: GatherOptions<T>): Promise<readonly Answer<T>[]> {
  const { question, isEnough, graceMs = 0 } = options;
  const { promise, resolve } = Promise.withResolvers<readonly Answer<T>[]>();
  const answers: Answer<T>[] = [];
  let open = members.length;
  let grace: NodeJS.Timeout | undefined;
  const finish = (): void => {
    clearTimeout(grace);
    resolve([...answers]);
  };
  const settle = (): void => {
    open -= 1;
    const isDone = open === 0 || (graceMs === 0 && isEnough(answers));
    if (isDone) finish();
    else if (grace === undefined && isEnough(answers)) grace = setTimeout(finish, graceMs);
  };
  if (open === 0) finish();
  for (const member of members) {
    void member
      .ask((client) => question(client, member))
      .then((value) => {
        answers.push({ member, value });
        settle();
      }, settle);
  }
  return promise;
}
