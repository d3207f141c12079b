
-+*
fineÿÿÿ*
fine*
x*
fine