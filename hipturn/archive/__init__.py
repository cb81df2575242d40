"""Many sessions: analysed in processes or on a cluster, brought in from other tools."""
