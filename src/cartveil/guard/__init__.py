"""The wing that may see secrets: keys, policy, audit, protection, and the vault over them."""
