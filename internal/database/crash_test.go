package database_test

const childURL = "TROLY_TEST_CHILD_URL"

func child(url string) {}
