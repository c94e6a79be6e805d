"""The engine: requests in, people out, in a process of its own or in the command line's."""
