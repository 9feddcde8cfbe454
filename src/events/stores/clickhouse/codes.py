"""What ClickHouse's error codes mean for the relay. A code that stands in neither table is taken for passing trouble.

Why it errs on that side: a refused batch is split until each refused event is in quarantine. Taking an unknown
fault of the server for the data's would set everything aside; taking an unknown fault of the data for the server's
makes one batch wait, visibly. Revisit when a batch waits with a code that belongs into REFUSAL_OF_DATA.

Not in it on purpose: 12 PARAMETER_OUT_OF_BOUND, 36 BAD_ARGUMENTS, 43 ILLEGAL_TYPE_OF_ARGUMENT and 53 TYPE_MISMATCH.
The data can cause them, but so does a wrong view, default expression or MODIFY COLUMN, for every event alike.
"""

from typing import Final

# The data itself: trying again cannot help.
REFUSAL_OF_DATA: Final = {
    6: "CANNOT_PARSE_TEXT",
    25: "CANNOT_PARSE_ESCAPE_SEQUENCE",
    26: "CANNOT_PARSE_QUOTED_STRING",
    27: "CANNOT_PARSE_INPUT_ASSERTION_FAILED",
    38: "CANNOT_PARSE_DATE",
    41: "CANNOT_PARSE_DATETIME",
    69: "ARGUMENT_OUT_OF_BOUND",
    70: "CANNOT_CONVERT_TYPE",
    72: "CANNOT_PARSE_NUMBER",
    117: "INCORRECT_DATA",
    128: "TOO_LARGE_ARRAY_SIZE",
    130: "CANNOT_READ_ARRAY_FROM_TEXT",
    131: "TOO_LARGE_STRING_SIZE",
    153: "ILLEGAL_DIVISION",
    190: "SIZES_OF_ARRAYS_DONT_MATCH",
    248: "INVALID_PARTITION_VALUE",
    321: "VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE",
    349: "CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN",
    376: "CANNOT_PARSE_UUID",
    395: "FUNCTION_THROW_IF_VALUE_IS_NON_ZERO",
    407: "DECIMAL_OVERFLOW",
    441: "CANNOT_PARSE_DOMAIN_VALUE_FROM_STRING",
    467: "CANNOT_PARSE_BOOL",
    469: "VIOLATED_CONSTRAINT",
    675: "CANNOT_PARSE_IPV4",
    676: "CANNOT_PARSE_IPV6",
    691: "UNKNOWN_ELEMENT_OF_ENUM",
}

# A query that only reads went beyond its bounds: the same one will again.
TOO_MUCH_TO_READ: Final = {
    158: "TOO_MANY_ROWS",
    159: "TIMEOUT_EXCEEDED",
    160: "TOO_SLOW",
    241: "MEMORY_LIMIT_EXCEEDED",
    307: "TOO_MANY_BYTES",
    396: "TOO_MANY_ROWS_OR_BYTES",
}

# Somebody has to mend the deployment: the batch waits, loudly.
FAULT_OF_DEPLOYMENT: Final = {
    8: "THERE_IS_NO_COLUMN",
    10: "NOT_FOUND_COLUMN_IN_BLOCK",
    16: "NO_SUCH_COLUMN_IN_TABLE",
    20: "NUMBER_OF_COLUMNS_DOESNT_MATCH",
    47: "UNKNOWN_IDENTIFIER",
    50: "UNKNOWN_TYPE",
    60: "UNKNOWN_TABLE",
    62: "SYNTAX_ERROR",
    81: "UNKNOWN_DATABASE",
    115: "UNKNOWN_SETTING",
    164: "READONLY",
    192: "UNKNOWN_USER",
    193: "WRONG_PASSWORD",
    194: "REQUIRED_PASSWORD",
    195: "IP_ADDRESS_NOT_ALLOWED",
    199: "UNKNOWN_QUOTA",
    291: "DATABASE_ACCESS_DENIED",
    336: "UNKNOWN_DATABASE_ENGINE",
    344: "SUPPORT_IS_DISABLED",
    371: "INCONSISTENT_CLUSTER_DEFINITION",
    392: "QUERY_IS_PROHIBITED",
    452: "SETTING_CONSTRAINT_VIOLATION",
    471: "INVALID_SETTING_VALUE",
    472: "READONLY_SETTING",
    478: "UNKNOWN_POLICY",
    479: "UNKNOWN_DISK",
    497: "ACCESS_DENIED",
    511: "UNKNOWN_ROLE",
    516: "AUTHENTICATION_FAILED",
    620: "QUERY_NOT_ALLOWED",
    695: "ASYNC_LOAD_FAILED",
    701: "CLUSTER_DOESNT_EXIST",
    720: "USER_EXPIRED",
    741: "TABLE_UUID_MISMATCH",
    767: "REQUIRED_SECOND_FACTOR",
    774: "TABLE_IS_PERMANENTLY_READ_ONLY",
}
