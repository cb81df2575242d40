"""What a file says about itself in several ways, compared before it is believed."""
