/*
 * Checks that need more than one setting. Internal to config/.
 */
#ifndef CONFIG_CHECK_H
#define CONFIG_CHECK_H

#include "config/config.h"
#include "config/sources.h"

/* BRIEFD_… names that no row of the table has, each with the nearest one that there is. */
void check_unknown_names(const struct sources *sources);
/* Loopback and public address, model and price, recipes and limits, connectors. `config->catalogue`
 * may be NULL when it could not be loaded. */
void config_check(const struct config *config, struct str *problems);
bool listens_on_loopback(const struct config *config);

#endif
