// Jobs one after the other, until the lane is left: then what waits in it is not begun, and what runs can tell.

/** A job is told how to find out whether the lane is still the same. */
export type Job = (isCurrent: () => boolean) => Promise<void>;

export class Lane {
  #last: Promise<void> = Promise.resolve();
  #number = 0;

  /** Resolves when the job is done, or will not be begun any more. Rejects as it does. */
  run(job: Job): Promise<void> {
    const number = this.#number;
    const isCurrent = (): boolean => this.#number === number;
    const done = this.#last.then(async () => {
      if (isCurrent()) await job(isCurrent);
    });
    this.#last = done.catch(() => {});
    return done;
  }

  leave(): void {
    this.#number += 1;
    this.#last = Promise.resolve();
  }
}
