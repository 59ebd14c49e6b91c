/**
 * What proper-lockfile needs of signal-exit: to give its locks back when the process ends in order.
 * The signals that matter the program minds itself, and the lock of a process that was killed is
 * taken over.
 */
module.exports = (ended) => process.on("exit", ended);
