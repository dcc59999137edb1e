// Lets peers.go declare functions without a body.
