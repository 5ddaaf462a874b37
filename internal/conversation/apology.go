package conversation

// Apology is what a person reads when their message was given up.
const Apology = apology
