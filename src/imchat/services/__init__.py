"""What people do: one function per user action, over storage and a gateway, knowing no runtime."""
