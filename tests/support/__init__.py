"""Parts that tests share: fabricated networks and files, servers, runners."""
