"""Where vendors are plugged in: logging, error reports, traces. The other rooms know only structlog and kit.span."""
