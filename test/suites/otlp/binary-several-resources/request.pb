
p
N

service.name
shop

	host.name
box
 
deployment.environment
test

lib1.2
s*
one
!
	

a*
two	*
three
*


no	
records

lib1.2
s