"""The course network (课联网): places, people and their offices, courses, enrolments, check-in, supervision.

Values and rules, pure; what is kept is in `classroom.store`, what is asked over HTTP in
`signaling.network`."""
