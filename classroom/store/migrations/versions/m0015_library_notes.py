"""Items are found by supervisors' notes, too, by those who may read them."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("CREATE TABLE library_words_noted (number integer PRIMARY KEY, words tsvector NOT NULL)")
        op.execute(
            "CREATE INDEX ix_library_words_noted ON library_words_noted USING gin (words) "
            "WITH (fastupdate = off)"
        )
    else:
        op.execute(
            "CREATE VIRTUAL TABLE library_words_noted USING fts5(words, tokenize = 'ascii', detail = 'none', "
            "columnsize = 0)"
        )
    op.execute(
        "UPDATE library_items SET indexed_seq = -1 WHERE id IN "
        "(SELECT item_id FROM library_marks WHERE supervision AND deleted_ms IS NULL)"
    )
