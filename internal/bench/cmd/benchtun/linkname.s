// Lets memory.go declare functions without a body.
