/* Which addresses anybody may be reached under, and how hosts are read as addresses. */
#include "base/address.h"
#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/socket.h>

static bool is_public(const char *host)
{
    struct sockaddr_storage peer;
    if (!address_parse(host, &peer)) fail_msg("%s is no address", host);
    return address_is_public((const struct sockaddr *)&peer);
}

static void addresses_of_the_internet_are_public(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "1.1.1.1",        "8.8.8.8",          "9.255.255.255",   "11.0.0.0",      "93.184.216.34",
        "100.63.255.255", "100.128.0.0",      "172.15.255.255",  "172.32.0.0",    "192.167.255.255",
        "198.17.255.255", "223.255.255.255",  "[2606:4700::11]", "[2a00:1450::]", "2001:4860::8888",
        "[2400:cb00::1]", "[::ffff:8.8.8.8]",
    };
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (!is_public(hosts[i])) fail_msg("%s", hosts[i]);
}

static void all_others_are_not(void **state)
{
    (void)state;
    static const char *const hosts[] = {
        "0.0.0.0",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.255",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "[::]",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "[::ffff:127.0.0.1]",
        "[::ffff:0:a00:1]",
        "[::10.0.0.1]",
        "[64:ff9b::a00:1]",
        "[64:ff9b:1::1]",
        "[100::1]",
        "[2001::1]",
        "[2001:db8::1]",
        "[2002:a00:1::]",
        "[3fff::1]",
        "[fc00::1]",
        "[fd00:ec2::254]",
        "[fe80::1]",
        "[fec0::1]",
        "[ff02::1]",
        "[4000::1]",
        "[5f00::1]",
    };
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (is_public(hosts[i])) fail_msg("%s", hosts[i]);
    assert_false(address_is_public(NULL));
    struct sockaddr local = {.sa_family = AF_UNIX};
    assert_false(address_is_public(&local));
}

static void a_name_is_no_address(void **state)
{
    (void)state;
    static const char *const hosts[] = {"localhost", "example.com", "",         "[]",  "[::1",
                                        "::1]",      "127.1",       "1.2.3.4.", "[x]", "1.2.3.256"};
    struct sockaddr_storage peer;
    for (size_t i = 0; i < ARRAY_LEN(hosts); i++)
        if (address_parse(hosts[i], &peer)) fail_msg("%s", hosts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_of_the_internet_are_public),
        cmocka_unit_test(all_others_are_not),
        cmocka_unit_test(a_name_is_no_address),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
