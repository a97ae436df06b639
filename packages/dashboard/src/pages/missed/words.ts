import type { Me } from '../../session.tsx';

/** How a page speaks to who looks at it: to a receiver of itself, to a team of its receiver. */
export interface Words {
  /** `You have`, `The receiver has`. */
  readonly has: string;
  readonly haveNot: string;
  /** `your list`, `the receiver's list`. */
  readonly list: string;
  readonly title: string;
  readonly answered: string;
}

const toReceiver: Words = {
  has: 'You have',
  haveNot: 'you do not have',
  list: 'your list',
  title: 'What did you miss?',
  answered: 'you answered',
};
const toTeam: Words = {
  has: 'The receiver has',
  haveNot: 'the receiver does not have',
  list: "the receiver's list",
  title: 'What did a receiver miss?',
  answered: 'the receiver answered',
};

export const wordsFor = ({ kind }: Pick<Me, 'kind'>): Words => (kind === 'portal' ? toReceiver : toTeam);
