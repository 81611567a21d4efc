"""How units stand: status, next step, inherited access, what expires."""
