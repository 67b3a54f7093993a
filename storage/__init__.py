"""What is kept: records, SQL, per-matter indexes, embeddings, accounts and the audit log."""
