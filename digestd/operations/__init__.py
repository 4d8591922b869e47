"""What operators ask of a running service.

status    read how it fares from the database; what follows is decided by domain/service_status
"""
