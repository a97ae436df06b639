import type { Receiver } from '../receiver.ts';
import { handlerWith } from './express.ts';

const advice = 'Create the application with NestFactory.create(AppModule, { rawBody: true })';

/**
 * Returns what a method of a controller calls with `@Req()` and `@Res()`, on `@nestjs/platform-express`. The application has to be
 * created with `rawBody: true`.
 */
export function nestHandler(receiver: Receiver) {
  return handlerWith(receiver, advice);
}
