"""Alembic's entry: run the migrations on the connection that `storage.database` hands over."""

from alembic import context

from storage.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
connection.commit()
if connection.dialect.name == "sqlite":
    # A migration that makes a table anew turns it off, and it cannot be turned on inside a transaction.
    connection.exec_driver_sql("PRAGMA foreign_keys=ON")
