"""What keeps a vault in order: its log, its keys, backups, older layouts."""
