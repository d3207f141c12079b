

*
fine