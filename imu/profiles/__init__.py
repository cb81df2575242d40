"""From firmware_config/*.toml to checked profiles of units."""
