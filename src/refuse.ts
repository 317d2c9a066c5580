/** For a command: what the operator asked for can't be done; `reason` tells why in one line. */
export const refuse = (reason: string): never => { throw new Error(reason) }
