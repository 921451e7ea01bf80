import { MessageType } from "./protocol/constants.ts";
import type { Session } from "./session.ts";

/** HOLD and ESTOP, asked for again until the controller shows that it has them: neither may be lost with a frame. */
export class StopRequests {
  #isEmergency = false;
  #isHoldUnanswered = false;

  /** An emergency stop is under way: nothing else is sent. */
  get isEmergency(): boolean {
    return this.#isEmergency;
  }

  hold(session: Session | undefined): void {
    this.#isHoldUnanswered = true;
    session?.post(MessageType.Hold, 0);
  }

  /** HOLD was answered, or something newer makes it wrong to ask again. */
  holdIsOver(): void {
    this.#isHoldUnanswered = false;
  }

  emergency(session: Session): void {
    this.#isEmergency = true;
    session.post(MessageType.Estop, 0);
  }

  /** The controller is in a fault, or its fault was cleared. */
  emergencyIsOver(): void {
    this.#isEmergency = false;
  }

  repeat(session: Session): void {
    if (this.#isEmergency) session.post(MessageType.Estop, 0);
    else if (this.#isHoldUnanswered) session.post(MessageType.Hold, 0);
  }

  forget(): void {
    this.#isEmergency = false;
    this.#isHoldUnanswered = false;
  }
}
