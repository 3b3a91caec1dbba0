"""The lesson's database: SQLAlchemy 2, SQLite by default, PostgreSQL by URL; migrations run at start."""
