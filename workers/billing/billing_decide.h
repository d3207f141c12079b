/* The rules of billing by aggregate: each table ties the types of its commands to their functions
 * and ends with a line whose type is NULL. A new command is a line here and its function. */
#ifndef BILLING_DECIDE_H
#define BILLING_DECIDE_H

#include "billing_effects.h"

extern const struct billing_rule billing_invoice_rules[];
extern const struct billing_rule billing_payment_rules[];

#endif
