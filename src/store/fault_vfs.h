/*
 * A file system that fails on demand, for builds with fault points only: it stands between SQLite
 * and the real one.
 *
 * Points (base/fault.h), each the n-th call of its kind:
 *     io_read   a read fails            io_write  a write fails
 *     io_short  a write stops half-way and then fails, as a full disk does it
 *     io_full   no room for a write     io_sync   an fsync fails
 */
#ifndef STORE_FAULT_VFS_H
#define STORE_FAULT_VFS_H

#ifdef BRIEFD_FAULTS
/* Makes it the default of every database opened from now on. Once, before the first one. */
void fault_vfs_install(void);
#endif

#endif
