"""The course network over HTTP: places, people, catalogue, enrolment, check-in, supervision.

Who calls is a person who is signed in (`principals`), and what they reach is decided by one rule
(`classroom.network.scope`). What somebody does not reach is to them as if it were not there: `not-found`."""
