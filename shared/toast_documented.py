"""What Toast documents beyond what is loaded: the names of its other fields, and the values of its enumerations.

From Toast's OpenAPI definitions: orders 2.9, cashmgmt 1.1, labor 1.9, config 2.5, menus 2.4, restaurants 1.0. `drift`
tells by it what is new. Once something new has been looked at and needs no column, it is entered here.
"""

from __future__ import annotations

from shared.toast_cash import CashEntry, Deposit
from shared.toast_configuration import (
    BreakType,
    CashDrawer,
    DiningOption,
    DiningTable,
    Discount,
    Employee,
    EmployeeWithContacts,
    General,
    Job,
    Named,
    PreModifier,
    Restaurant,
    RevenueCenter,
    ServiceArea,
    ServiceCharge,
    TaxRate,
    TipWithholding,
)
from shared.toast_labor import TimeEntry, TimeEntryBreak
from shared.toast_menus import Menu, MenuGroup, MenuItem, ModifierGroup, SalesCategory
from shared.toast_objects import Reference, ToastObject
from shared.toast_orders import (
    AppliedDiscount,
    AppliedServiceCharge,
    AppliedTax,
    Check,
    DiscountReason,
    Order,
    Payment,
    Refund,
    Selection,
    SelectionRefund,
    VoidInfo,
)

_ENTITY = "entityType externalId"
_CHANGES = "createdDate modifiedDate deletedDate"
_ON_SCREEN = "posButtonColorLight posButtonColorDark masterId visibility"
_OF_MENUS = f"{_ON_SCREEN} description image"

UNUSED_FIELDS: dict[type[ToastObject], str] = {
    Reference: f"{_ENTITY} multiLocationId",
    # --- orders ---
    Order: f"{_ENTITY} voidDate voidBusinessDate deletedDate estimatedFulfillmentDate requiredPrepTime pricingFeatures "
    "createdInTestMode excessFood channelGuid createdDevice lastModifiedDevice deliveryInfo curbsidePickupInfo "
    "marketplaceFacilitatorTaxInfo appliedPackagingInfo deliveryServiceInfo",
    Check: f"{_ENTITY} createdDate modifiedDate voidDate deletedDate voidBusinessDate tabName duration openedBy "
    "customer appliedLoyaltyInfo createdDevice lastModifiedDevice",
    Selection: f"{_ENTITY} seatNumber plu premodifierPlu receiptLinePrice openPriceAmount externalPriceAmount voidDate "
    "voidBusinessDate createdDate modifiedDate fulfillmentStatus fulfillment taxInclusion optionGroupPricingMode "
    "splitOrigin",
    SelectionRefund: "refundTransaction",
    Payment: f"{_ENTITY} last4Digits first6Digits networkTransactionIdentifier mcaRepaymentAmount houseAccount "
    "cardPaymentId orderGuid checkGuid tenderTransactionGuid giftCardInfo createdDevice lastModifiedDevice",
    Refund: "refundTransaction",
    VoidInfo: "voidUser voidApprover voidReason",
    AppliedTax: f"{_ENTITY} displayName jurisdiction jurisdictionType",
    AppliedDiscount: f"{_ENTITY} triggers approver loyaltyDetails comboItems appliedPromoCode discountPercent",
    DiscountReason: "description comment discountReason",
    AppliedServiceCharge: f"{_ENTITY} takeout dineIn serviceChargeCalculation refundDetails paymentGuid",
    # --- cash and labor ---
    CashEntry: "entityType",
    Deposit: "entityType",
    TimeEntry: _ENTITY,
    TimeEntryBreak: _ENTITY,
    # --- configuration ---
    Employee: f"{_ENTITY} {_CHANGES} email phoneNumber phoneNumberCountryCode jobReferences wageOverrides "
    "v2EmployeeGuid disabled",
    EmployeeWithContacts: f"{_ENTITY} {_CHANGES} phoneNumberCountryCode jobReferences wageOverrides v2EmployeeGuid "
    "disabled",
    Job: f"{_ENTITY} {_CHANGES} deleted",
    Restaurant: "urls location schedules delivery onlineOrdering prepTimes",
    General: "description",
    Named: _ENTITY,
    BreakType: _ENTITY,
    CashDrawer: _ENTITY,
    DiningOption: "entityType",
    Discount: f"{_ENTITY} promoCodes",
    PreModifier: f"{_ENTITY} multiLocationId plu",
    RevenueCenter: _ENTITY,
    ServiceArea: _ENTITY,
    DiningTable: _ENTITY,
    ServiceCharge: f"{_ENTITY} criteria applicableTaxes",
    TaxRate: f"{_ENTITY} taxTable conditionalTaxRates",
    TipWithholding: _ENTITY,
    # --- menus ---
    Menu: f"{_OF_MENUS} posName multiLocationId highResImage availability",
    MenuGroup: f"{_OF_MENUS} posName multiLocationId itemTags",
    # Options of modifier groups are items, too, and have some fields of their own: the last line.
    MenuItem: f"{_OF_MENUS} kitchenName pricingRules isDiscountable taxInfo itemTags calories contentAdvisories "
    "unitOfMeasure portions prepTime prepStations modifierGroupReferences eligiblePaymentAssistancePrograms images "
    "allergens sortOrder isComboParent guestCount length width height dimensionUnitOfMeasure weight "
    "weightUnitOfMeasure referenceId isDefault allowsDuplicates modifierOptionTaxInfo",
    ModifierGroup: f"{_ON_SCREEN} referenceId pricingRules defaultOptionsChargePrice "
    "defaultOptionsSubstitutionPricing preModifierGroupReference",
    SalesCategory: "",
}
"""By kind of object: the fields that Toast documents and that are not loaded, by Toast's names, divided by spaces."""

MENUS_FIELDS = (
    "restaurantGuid lastUpdated restaurantTimeZone menus modifierGroupReferences modifierOptionReferences "
    "preModifierGroupReferences"
)
"""The fields of the reply that holds all menus."""

_CHARGE_TYPES = "FIXED, PERCENT, OPEN"
_TAX_TYPES = "PERCENT, FIXED, NONE, TABLE, EXTERNAL"
_DISCOUNT_TYPES = "BOGO, PERCENT, FIXED, OPEN_PERCENT, OPEN_FIXED, FIXED_TOTAL"

VALUES: dict[type[ToastObject], dict[str, str]] = {
    Order: {
        "source": "In Store, Online, Order-and-Pay-at-Table, API, Kiosk, Caller Id, Google, Invoice, Toast Pickup App, "
        "Toast Local, Branded Online Ordering, Catering, Catering Online Ordering, Toast Tables, "
        "eCommerce Online ordering, Branded Mobile App, Grubhub",
        "approvalStatus": "NEEDS_APPROVAL, APPROVED, FUTURE, NOT_APPROVED",
    },
    Check: {"paymentStatus": "OPEN, PAID, CLOSED"},
    Selection: {
        "selectionType": "NONE, OPEN_ITEM, SPECIAL_REQUEST, PORTION, HOUSE_ACCOUNT_PAY_BALANCE, TOAST_CARD_SELL, "
        "TOAST_CARD_RELOAD",
        "unitOfMeasure": "NONE, LB, OZ, KG, G, GAL, L, ML, FL_OZ, M, CM, FT, IN, YD",
    },
    Payment: {
        "type": "CASH, CREDIT, GIFTCARD, HOUSE_ACCOUNT, REWARDCARD, LEVELUP, TOAST_SV, OTHER, UNDETERMINED",
        "paymentStatus": "OPEN, PROCESSING, AUTHORIZED_AT_RISK, AUTHORIZED, ERROR, ERROR_NETWORK, DENIED, "
        "PROCESSING_VOID, VOIDED_AT_RISK, CANCELLED, CAPTURE_IN_PROGRESS, CAPTURED, VOIDED",
        "refundStatus": "NONE, PARTIAL, FULL",
        "cardType": "VISA, MASTERCARD, AMEX, DISCOVER, JCB, DINERS, CIT, MAESTRO, LASER, SOLO, INTERAC, EFTPOS, "
        "WRIGHT_EXPRESS, VOYAGER, UNKNOWN",
        "cardEntryMode": "SWIPED, KEYED, ONLINE, EMV_CHIP_SIGN, TOKENIZED, PRE_AUTHED, SAVED_CARD, FUTURE_ORDER, "
        "CONTACTLESS, APPLE_PAY_CNP, GOOGLE_PAY_CNP, INCREMENTAL_PRE_AUTHED, PARTNER_ECOM_COF, CLICK_TO_PAY_CNP",
    },
    AppliedTax: {"type": _TAX_TYPES},
    AppliedDiscount: {
        "discountType": _DISCOUNT_TYPES,
        "processingState": "PENDING_APPLIED, APPLIED, PENDING_VOID, VOID",
    },
    AppliedServiceCharge: {
        "chargeType": _CHARGE_TYPES,
        "serviceChargeCategory": "SERVICE_CHARGE, CREDIT_CARD_SURCHARGE, FUNDRAISING_CAMPAIGN, CASH_ROUNDING",
    },
    CashEntry: {
        "type": "CASH_IN, CASH_COLLECTED, CASH_OUT, PAY_OUT, UNDO_PAY_OUT, TIP_OUT, NO_SALE, DRIVER_REIMBURSEMENT, "
        "CLOSE_OUT_EXACT, CLOSE_OUT_OVERAGE, CLOSE_OUT_SHORTAGE",
    },
    Job: {"wageFrequency": "HOURLY, SALARY"},
    DiningOption: {"behavior": "DINE_IN, TAKE_OUT, DELIVERY"},
    Discount: {
        "type": _DISCOUNT_TYPES,
        "selectionType": "CHECK, ITEM, BOGO",
        "itemPickingPriority": "FIRST, LEAST_EXPENSIVE, MOST_EXPENSIVE",
    },
    PreModifier: {"displayMode": "PREFIX, SUFFIX"},
    ServiceCharge: {
        "amountType": _CHARGE_TYPES,
        "destination": "RESTAURANT, SERVER, TOAST, THIRD_PARTY",
        "serviceChargeCalculation": "PRE_DISCOUNT, POST_DISCOUNT",
    },
    TaxRate: {"type": _TAX_TYPES, "roundingType": "HALF_UP, HALF_EVEN, ALWAYS_UP, ALWAYS_DOWN"},
    MenuItem: {
        "pricingStrategy": "BASE_PRICE, MENU_SPECIFIC_PRICE, TIME_SPECIFIC_PRICE, SIZE_PRICE, OPEN_PRICE",
        "taxInclusion": "TAX_INCLUDED, TAX_NOT_INCLUDED, SMART_TAX",
    },
}
"""By kind of object and field: the values of the enumerations that are loaded, divided by commas."""
