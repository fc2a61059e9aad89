/* shown.h -- what a request asks to see: bits against fact.needs. */
#ifndef SIM_SHOWN_H
#define SIM_SHOWN_H

#define SHOW_V5              (1U << 0) /* API version 5.0 or later */
#define SHOW_QDS             (1U << 1)
#define SHOW_QDS_FACTORS     (1U << 2)
#define SHOW_REOPENED        (1U << 3)
#define SHOW_ARF             (1U << 4)
#define SHOW_DETECTION       (SHOW_V5 | SHOW_QDS | SHOW_QDS_FACTORS | SHOW_REOPENED | SHOW_ARF)
#define SHOW_DETECTION_LOOKS 32 /* combinations of these */
#define SHOW_ASSET_ID        (1U << 5)
#define SHOW_TAGS            (1U << 6)
#define SHOW_CLOUD_TAGS      (1U << 7)
#define SHOW_METADATA        (1U << 8)
#define SHOW_TRURISK         (1U << 9)
#define SHOW_TRURISK_FACTORS (1U << 10)
#define SHOW_ALL             (1U << 11) /* details=All */
#define SHOW_RESULTS         (1U << 12)
#define SHOW_DISABLED        (1U << 13)
#define SHOW_CHANGE_LOG      (1U << 14)
#define SHOW_MODULES         (1U << 15)
#define SHOW_PCI_REASONS     (1U << 16)

/* What qidflow asks for when nothing is set otherwise: the calls of the API's description. */
#define SHOW_OF_HOST_LIST                                                                                    \
	(SHOW_V5 | SHOW_ALL | SHOW_ASSET_ID | SHOW_TAGS | SHOW_CLOUD_TAGS | SHOW_METADATA | SHOW_TRURISK |   \
	    SHOW_TRURISK_FACTORS)
#define SHOW_OF_DETECTIONS (SHOW_DETECTION | SHOW_ASSET_ID | SHOW_RESULTS)
#define SHOW_OF_VULNS      (SHOW_ALL | SHOW_DISABLED | SHOW_CHANGE_LOG | SHOW_MODULES | SHOW_PCI_REASONS)
#endif
