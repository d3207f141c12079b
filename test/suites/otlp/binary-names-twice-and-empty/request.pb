
°
N

service.name
shop

	host.name
box
 
deployment.environment
test^

lib1.2
sG*
names2
a2
b2
a22
map2

x

x