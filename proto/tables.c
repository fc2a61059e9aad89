/* tables.c -- the tables and their date columns. Names alone do not tell what is a date: LAST_BOOT is one,
 * and nested elements such as CHANGE_DATE stay as the API wrote them. */
#include "tables.h"
#include <string.h>
#include "qidflow/v1/records.pb-c.h"

static const char *const host_list_dates[] = {"LAST_VULN_SCAN_DATETIME", "LAST_VM_SCANNED_DATE",
    "LAST_VM_AUTH_SCANNED_DATE", "LAST_COMPLIANCE_SCAN_DATETIME", "PC_AUTH_SUCCESS_DATE",
    "LAST_SCAP_SCAN_DATETIME", "LAST_BOOT", "FIRST_FOUND_DATE", "LAST_ACTIVITY", NULL};
static const char *const detection_host_dates[] = {
    "LAST_SCAN_DATETIME", "LAST_VM_SCANNED_DATE", "LAST_VM_AUTH_SCANNED_DATE", "LAST_PC_SCANNED_DATE", NULL};
static const char *const detection_dates[] = {"FIRST_FOUND_DATETIME", "LAST_FOUND_DATETIME",
    "LAST_TEST_DATETIME", "LAST_UPDATE_DATETIME", "LAST_FIXED_DATETIME", "FIRST_REOPENED_DATETIME",
    "LAST_REOPENED_DATETIME", "LAST_PROCESSED_DATETIME", NULL};
static const char *const knowledgebase_dates[] = {"LAST_SERVICE_MODIFICATION_DATETIME", "PUBLISHED_DATETIME",
    "CODE_MODIFIED_DATETIME", "PATCH_PUBLISHED_DATE", NULL};

const struct table tables[TABLE_COUNT] = {
    [TABLE_HOST_LIST] = {"Q_Host_List", &qidflow__v1__host__descriptor, "ID", host_list_dates,
	"Q_Host_List_Status"},
    [TABLE_DETECTION_HOSTS] = {"Q_Host_List_Detection_HOSTS", &qidflow__v1__host_detections__descriptor, "ID",
	detection_host_dates, "Q_Host_List_Detection_Status"},
    [TABLE_DETECTION_QIDS] = {"Q_Host_List_Detection_QIDS", &qidflow__v1__detection__descriptor, NULL,
	detection_dates, NULL},
    [TABLE_KNOWLEDGEBASE] = {"Q_KnowledgeBase", &qidflow__v1__vulnerability__descriptor, "QID",
	knowledgebase_dates, "Q_KnowledgeBase_Status"},
};

bool table_is_date(const struct table *t, const char *column)
{
	for (const char *const *d = t->dates; *d; d++)
		if (strcmp(*d, column) == 0)
			return true;
	return false;
}
