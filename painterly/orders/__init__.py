"""Orders: what is to be painted, and whose key it is. No module needs a device."""
