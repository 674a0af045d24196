"""What outlives the process: state, archive, snapshots, ledger, audit chain. One writer."""
