"""The networks that come with the program, a file each; registry.BUILTIN names them."""
