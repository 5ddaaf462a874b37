package webhook_test

func serveIfAsked() bool { return false }
