
0*
fine

behind


service.name
late