// Package pgtest gives tests the PostgreSQL server of this machine, as package pgserver runs it: in a temporary folder, stopped and removed
// at the end. It is for tests alone.
//
// A test package asks for one Server by Run in its TestMain and Shared in its tests, and each test for a separate Database. A
// test that stops or kills the server starts a separate one.
//
// Without PostgreSQL on the machine tests are skipped with a message that says what to install; with "postgres" in
// SIGNALBOX_TEST_REQUIRE (a list with commas) they fail instead.
package pgtest
