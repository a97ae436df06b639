import { expect, test } from 'vitest';
import {
  ConflictError,
  EventConflictError,
  NotFoundError,
  StoreFaultError,
  StoreOpenError,
  UnavailableError,
} from '../../domain/errors.ts';
import { plainError, revivedError } from './thread-errors.ts';

test.each([
  new EventConflictError(3, 'evt_1'),
  new ConflictError('in_use', 'is used'),
  new NotFoundError('the redrive does not exist'),
  new StoreFaultError('damaged', 'the database is damaged'),
  new UnavailableError('full'),
  new StoreOpenError('the data directory cannot be used'),
  new TypeError('a defect'),
])('an error keeps its class and what it carries on its way between threads: $name', (error) => {
  const revived = revivedError(structuredClone(plainError(error)));
  expect(revived).toMatchObject(Object.fromEntries(Object.entries(error)));
  expect(revived).toMatchObject({ name: error.name, message: error.message, stack: error.stack });
  if (!(error instanceof TypeError)) expect(revived).toBeInstanceOf(error.constructor);
});

test('a store fault counts as unavailable on the other side too, so that nothing is acknowledged', () => {
  const revived = revivedError(plainError(new StoreFaultError('missing', 'is missing')));
  expect(revived).toBeInstanceOf(UnavailableError);
});
