"""The rules of a lesson: people, phases, floor, presence; its database."""
