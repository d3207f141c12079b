/* millracectl: everything an operator does. */
#include "ctl.h"

int main(int argc, char **argv)
{
    (void)argc;
    return ctl_run(argv);
}
