"""Services: one function per user action. They use storage and a gateway, and depend on no runtime."""
