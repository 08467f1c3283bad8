"""What tests share: fabricated networks and files, servers, runners."""
